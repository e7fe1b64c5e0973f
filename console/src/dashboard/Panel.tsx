import { Card, CardContent, Typography } from "@mui/material";
import type { ReactNode } from "react";

export function Panel({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <Card component="section" variant="outlined" aria-label={title}>
      <CardContent>
        <Typography variant="h6" component="h2" sx={{ display: "flex", justifyContent: "space-between", mb: 1 }}>
          {title}
          {actions}
        </Typography>
        {children}
      </CardContent>
    </Card>
  );
}
