import { TextField } from "@mui/material";
import { useState, type ReactNode } from "react";

import { FormDialog } from "../components/FormDialog";
import { useProductNames, type Unit } from "./lines";

interface Props {
  label: string;
  icon?: ReactNode;
  /** The proposed units, which are also the highest ones. */
  left: Unit[];
  run: (units: Unit[]) => Promise<unknown>;
  prepare?: () => void;
  done: string;
  /** Inputs above those of the units. */
  children: ReactNode;
}

/** A button that asks which units of an order's lines it is about. */
export function UnitsDialog({ left, run, prepare, children, ...dialog }: Props) {
  const [units, setUnits] = useState<Record<number, string>>({});
  const nameOf = useProductNames(left);
  const fill = () => {
    prepare?.();
    setUnits(Object.fromEntries(left.map(({ order_detail_id, quantity }) => [order_detail_id, String(quantity)])));
  };
  const chosen = left.map(({ order_detail_id }) => ({ order_detail_id, quantity: Number(units[order_detail_id]) }));
  return (
    <FormDialog prepare={fill} run={() => run(chosen.filter(({ quantity }) => quantity > 0))} {...dialog}>
      {children}
      {left.map(({ order_detail_id: line, quantity }) => (
        <TextField
          key={line}
          required
          margin="dense"
          type="number"
          label={nameOf(line)}
          helperText={`At most ${quantity}`}
          value={units[line] ?? ""}
          onChange={(event) => setUnits({ ...units, [line]: event.target.value })}
          slotProps={{ htmlInput: { min: 0, max: quantity, step: 1 } }}
        />
      ))}
    </FormDialog>
  );
}
