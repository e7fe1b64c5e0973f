import { Box, Typography } from "@mui/material";
import type { ReactNode } from "react";

/** A part of a page below its fields, wide tables scroll within it. */
export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <Box component="section" aria-label={title} sx={{ px: 2, pb: 2, width: "100%", boxSizing: "border-box" }}>
      <Box sx={{ display: "flex", justifyContent: "space-between", alignItems: "center", flexWrap: "wrap", mb: 1 }}>
        <Typography variant="h6" component="h2">
          {title}
        </Typography>
        <Box>{actions}</Box>
      </Box>
      <Box role="group" aria-label={title} tabIndex={0} sx={{ overflowX: "auto" }}>
        {children}
      </Box>
    </Box>
  );
}
