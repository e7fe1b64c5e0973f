import { unwrap, type Schemas } from "ecommerce-client";
import { usePermissions, useRecordContext, type RaRecord } from "react-admin";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { ActionButton } from "../components/ActionButton";
import { AmountDialog } from "../components/AmountDialog";
import { Row } from "../components/Row";

type Payment = Schemas["PaymentSchema"] & RaRecord;

const REFUNDABLE = ["captured", "partially_refunded"];
const OPEN = ["pending", "authorized"];

/** The steps that a payment's status allows. */
export function PaymentActions() {
  const payment = useRecordContext<Payment>();
  const { permissions } = usePermissions();
  if (!payment || permissions === "client") return null;
  const id = payment.id_key;
  return (
    <Row sx={{ gap: 0 }}>
      {payment.status === "authorized" && (
        <AmountDialog label="Capture" max={payment.amount} run={capture(id)} done="The payment is captured" />
      )}
      {OPEN.includes(payment.status) && (
        <ActionButton
          label="Cancel payment"
          color="error"
          confirm="The amount is due again."
          run={cancel(id)}
          done="The payment is canceled"
        />
      )}
      {REFUNDABLE.includes(payment.status) && (
        <AmountDialog
          label="Refund"
          max={payment.amount - payment.refunded}
          run={refund(payment)}
          done="The amount is refunded"
        />
      )}
    </Row>
  );
}

const paramsOf = (id_key: number, key: string) => ({ path: { id_key }, header: { "Idempotency-Key": key } });

const capture = (id: number) => (amount: number) =>
  once(JSON.stringify(["capture", id, amount]), (key) =>
    unwrap(shop.POST("/payments/{id_key}/capture", { params: paramsOf(id, key), body: { amount } })),
  );

const cancel = (id: number) => () =>
  once(JSON.stringify(["cancel", id]), (key) =>
    unwrap(shop.POST("/payments/{id_key}/cancel", { params: paramsOf(id, key) })),
  );

const refund = ({ id_key, refunded }: Payment) => (amount: number) =>
  once(JSON.stringify(["refund", id_key, refunded, amount]), (key) =>
    unwrap(shop.POST("/payments/{id_key}/refund", { params: paramsOf(id_key, key), body: { amount } })),
  );
