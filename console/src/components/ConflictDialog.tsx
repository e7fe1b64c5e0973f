import {
  Button,
  Dialog,
  DialogActions,
  DialogContent,
  DialogContentText,
  DialogTitle,
  Table,
  TableBody,
  TableCell,
  TableHead,
  TableRow,
} from "@mui/material";
import { useDataProvider, useRefresh, useResourceContext, type RaRecord } from "react-admin";

import { changedFields } from "../api/dataProvider";
import { labelOf } from "../choices";
import { useAction } from "./useAction";

/** The object as it was read, as the form has it, and as it is now. */
export interface Conflict {
  before: RaRecord;
  mine: RaRecord;
  theirs: RaRecord;
}

interface Props {
  conflict: Conflict | undefined;
  onReload: () => void;
  onClose: () => void;
}

export function ConflictDialog({ conflict, onReload, onClose }: Props) {
  const dataProvider = useDataProvider();
  const resource = useResourceContext()!;
  const refresh = useRefresh();
  const { act, isBusy } = useAction();
  if (!conflict) return null;
  const { before, mine, theirs } = conflict;
  const own = changedFields({ data: mine, previousData: before });
  const names = Object.keys({ ...own, ...changedFields({ data: theirs, previousData: before }) });
  const takeTheirs = () => {
    refresh();
    onReload();
  };
  const keepMine = async () => {
    const params = { id: theirs.id, data: { ...theirs, ...own }, previousData: theirs };
    if (await act(() => dataProvider.update(resource, params), "Saved")) onReload();
  };
  return (
    <Dialog open onClose={onClose} aria-labelledby="conflict-title">
      <DialogTitle id="conflict-title">Somebody else has changed this</DialogTitle>
      <DialogContent>
        <DialogContentText>Nothing has been saved. Compare, and decide which values count.</DialogContentText>
        <Table size="small">
          <TableHead>
            <TableRow>
              {["Field", "Before", "Yours", "Now"].map((title) => (
                <TableCell key={title}>{title}</TableCell>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {names.map((name) => (
              <TableRow key={name}>
                <TableCell component="th" scope="row">
                  {labelOf(name)}
                </TableCell>
                {[before, mine, theirs].map((version, index) => (
                  <TableCell key={index}>{String(version[name] ?? "–")}</TableCell>
                ))}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </DialogContent>
      <DialogActions>
        <Button onClick={takeTheirs}>Discard mine</Button>
        <Button variant="contained" disabled={isBusy} onClick={keepMine}>
          Save mine
        </Button>
      </DialogActions>
    </Dialog>
  );
}
