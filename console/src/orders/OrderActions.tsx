import CancelIcon from "@mui/icons-material/Cancel";
import { DeleteButton, TopToolbar, useDataProvider, useRecordContext } from "react-admin";

import { CANCELED, NEXT_STATUSES, statusName } from "../choices";
import { ActionButton } from "../components/ActionButton";

/** Status changes that the order allows. They fail if the order has changed since it was read. */
export function OrderActions({ isAdmin }: { isAdmin: boolean }) {
  const order = useRecordContext();
  const dataProvider = useDataProvider();
  if (!order) return <TopToolbar />;
  const next = NEXT_STATUSES[order.status as number] ?? [];
  const change = (status: number) => () =>
    dataProvider.update("orders", { id: order.id, data: { ...order, status }, previousData: order });
  return (
    <TopToolbar sx={{ flexWrap: "wrap" }}>
      {isAdmin &&
        next.map((status) => (
          <ActionButton
            key={status}
            label={statusName(status)}
            run={change(status)}
            done={`The order is ${statusName(status).toLowerCase()}`}
          />
        ))}
      {next.length > 0 && (
        <ActionButton
          label="Cancel order"
          color="error"
          icon={<CancelIcon />}
          confirm="Its units return to the stock, and open payments are voided."
          run={change(CANCELED)}
          done="The order is canceled"
        />
      )}
      {isAdmin && <DeleteButton mutationMode="pessimistic" />}
    </TopToolbar>
  );
}
