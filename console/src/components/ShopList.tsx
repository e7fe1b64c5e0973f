import { useMediaQuery, type Theme } from "@mui/material";
import type { ReactNode } from "react";
import {
  CreateButton,
  DataTable,
  FilterButton,
  List,
  Pagination,
  SimpleList,
  TopToolbar,
  usePermissions,
  useResourceDefinition,
  type ListProps,
  type RaRecord,
} from "react-admin";

import { ExportMenu } from "./ExportMenu";

interface Props extends Omit<ListProps, "children" | "exporter" | "actions"> {
  /** Columns of the table. */
  children: ReactNode;
  /** First and second line of an object on a phone. */
  primary: (record: RaRecord) => ReactNode;
  secondary?: (record: RaRecord) => ReactNode;
  exports?: boolean;
  /** Where a click on an object leads; false for nowhere. */
  click?: "show" | "edit" | false;
}

export function ShopList({ children, primary, secondary, exports = false, click, ...list }: Props) {
  const isPhone = useMediaQuery<Theme>((theme) => theme.breakpoints.down("sm"));
  return (
    <List
      sort={{ field: "id", order: "DESC" }}
      perPage={25}
      pagination={<Pagination rowsPerPageOptions={[10, 25, 50, 100]} />}
      actions={<ListActions exports={exports} hasFilters={!!list.filters} />}
      exporter={false}
      {...list}
    >
      {isPhone ? (
        <SimpleList primaryText={primary} secondaryText={secondary} rowClick={click} />
      ) : (
        <DataTable bulkActionButtons={false} rowClick={click}>
          {children}
        </DataTable>
      )}
    </List>
  );
}

function ListActions({ exports, hasFilters }: { exports: boolean; hasFilters: boolean }) {
  const { hasCreate } = useResourceDefinition();
  const { permissions } = usePermissions();
  return (
    <TopToolbar>
      {hasFilters && <FilterButton />}
      {hasCreate && <CreateButton />}
      {exports && permissions !== "client" && <ExportMenu />}
    </TopToolbar>
  );
}
