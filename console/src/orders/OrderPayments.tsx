import PaymentIcon from "@mui/icons-material/Payment";
import { Typography } from "@mui/material";
import { useQuery } from "@tanstack/react-query";
import { unwrap } from "ecommerce-client";
import { DataTable, ReferenceManyField, useRecordContext } from "react-admin";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { AmountDialog } from "../components/AmountDialog";
import { Row } from "../components/Row";
import { Section } from "../components/Section";
import { money } from "../formats";
import { paymentColumns } from "../resources/payments";

const OTHERS = paymentColumns.filter(({ key }) => key !== "order");

export function OrderPayments({ isAdmin }: { isAdmin: boolean }) {
  const order = useRecordContext();
  const path = { id_key: Number(order?.id) };
  const { data: balance } = useQuery({
    queryKey: ["orders", "balance", order?.id],
    queryFn: async () => (await unwrap(shop.GET("/orders/{id_key}/balance", { params: { path } }))).data,
    enabled: !!order,
  });
  const pay = (amount: number) =>
    once(JSON.stringify(["pay", path, amount]), (key) => {
      const params = { path, header: { "Idempotency-Key": key } };
      return unwrap(shop.POST("/orders/{id_key}/payments", { params, body: { amount } }));
    });
  if (!order) return null;
  return (
    <Section
      title="Payments"
      actions={
        isAdmin && balance && balance.due > 0 && (
          <AmountDialog label="Pay" max={balance.due} run={pay} done="The payment is recorded" icon={<PaymentIcon />} />
        )
      }
    >
      {balance && (
        <Row sx={{ mb: 1 }}>
          <Typography>{`Due: ${money(balance.due)}`}</Typography>
          <Typography>{`Captured: ${money(balance.captured)}`}</Typography>
          <Typography>{`Refunded: ${money(balance.refunded)}`}</Typography>
        </Row>
      )}
      <ReferenceManyField reference="payments" target="order_id" perPage={100} sort={{ field: "id", order: "ASC" }}>
        <DataTable bulkActionButtons={false} rowClick={false} empty={<Typography>No payments</Typography>}>
          {OTHERS}
        </DataTable>
      </ReferenceManyField>
    </Section>
  );
}
