import { Box, Typography } from "@mui/material";

import { Row } from "../components/Row";

/** A few figures with their names. */
export function Figures({ figures }: { figures: Record<string, string> }) {
  return (
    <Row component="dl" sx={{ m: 0, mb: 2, gap: "8px 32px" }}>
      {Object.entries(figures).map(([name, value]) => (
        <Box key={name}>
          <Typography component="dt" variant="body2" color="text.secondary">
            {name}
          </Typography>
          <Typography component="dd" variant="h6" sx={{ m: 0 }}>
            {value}
          </Typography>
        </Box>
      ))}
    </Row>
  );
}
