import { Alert, Box, Button, Card, CardContent, TextField, Typography } from "@mui/material";
import { useState, type FormEvent } from "react";
import { useLogin } from "react-admin";

import { authMode } from "../settings";

const LABELS = { none: "", api_key: "API key", jwt: "Token", both: "API key or token" };

export function SignIn() {
  const [credential, setCredential] = useState("");
  const [problem, setProblem] = useState("");
  const login = useLogin();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setProblem("");
    try {
      await login({ credential });
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <Box component="main" sx={{ display: "grid", placeItems: "center", minHeight: "100dvh", p: 2 }}>
      <Card sx={{ width: "100%", maxWidth: 420 }}>
        <CardContent component="form" onSubmit={submit} sx={{ display: "grid", gap: 2 }}>
          <Typography variant="h5" component="h1">
            Shop console
          </Typography>
          <TextField
            autoFocus
            required
            type="password"
            autoComplete="off"
            label={LABELS[authMode]}
            value={credential}
            onChange={(event) => setCredential(event.target.value)}
            helperText="It is kept until this tab is closed."
          />
          {problem && <Alert severity="error">{problem}</Alert>}
          <Button type="submit" variant="contained">
            Sign in
          </Button>
        </CardContent>
      </Card>
    </Box>
  );
}
