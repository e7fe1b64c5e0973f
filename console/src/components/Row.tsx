import { Box, type BoxProps } from "@mui/material";

/** Things next to each other, in several lines on a phone. */
export function Row({ sx, ...props }: BoxProps) {
  return <Box sx={{ display: "flex", flexWrap: "wrap", alignItems: "center", gap: 2, ...(sx as object) }} {...props} />;
}
