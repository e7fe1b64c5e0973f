import { Button } from "@mui/material";
import type { ReactNode } from "react";

interface Props {
  label: string;
  onClick: () => void;
  icon?: ReactNode;
  color?: "primary" | "error";
  disabled?: boolean;
}

/** A button that keeps its text on a phone, where those of react-admin show only an icon. */
export function TextButton({ label, icon, ...button }: Props) {
  return (
    <Button size="small" startIcon={icon} {...button}>
      {label}
    </Button>
  );
}
