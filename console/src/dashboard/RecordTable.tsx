import { Table, TableBody, TableCell, TableHead, TableRow, Typography } from "@mui/material";
import { Link } from "react-admin";

interface Props {
  columns: string[];
  rows: { id: number; path: string; cells: string[] }[];
}

/** A table whose first column leads to the object, and whose other columns are figures. */
export function RecordTable({ columns, rows }: Props) {
  if (!rows.length) return <Typography>None</Typography>;
  const align = (index: number) => (index ? "right" : "left");
  return (
    <Table size="small">
      <TableHead>
        <TableRow>
          {columns.map((title, index) => (
            <TableCell key={title} align={align(index)}>
              {title}
            </TableCell>
          ))}
        </TableRow>
      </TableHead>
      <TableBody>
        {rows.map(({ id, path, cells }) => (
          <TableRow key={id}>
            {cells.map((text, index) => (
              <TableCell key={columns[index]} align={align(index)}>
                {index ? text : <Link to={path}>{text}</Link>}
              </TableCell>
            ))}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
