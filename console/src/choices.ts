/** Fixed choices of the API, with their names. */

export interface Choice<Id = number | string> {
  id: Id;
  name: string;
}

export const PENDING = 1;
export const IN_PROGRESS = 2;
export const DELIVERED = 3;
export const CANCELED = 4;

export const ORDER_STATUSES: Choice<number>[] = [
  { id: PENDING, name: "Pending" },
  { id: IN_PROGRESS, name: "In progress" },
  { id: DELIVERED, name: "Delivered" },
  { id: CANCELED, name: "Canceled" },
];

/** The statuses that may follow, besides CANCELED. */
export const NEXT_STATUSES: Record<number, number[]> = {
  [PENDING]: [IN_PROGRESS, DELIVERED],
  [IN_PROGRESS]: [DELIVERED],
};

export const DELIVERY_METHODS: Choice<number>[] = [
  { id: 1, name: "Drive-through" },
  { id: 2, name: "On hand" },
  { id: 3, name: "Home delivery" },
];

export const PAYMENT_TYPES: Choice<string>[] = [
  { id: "cash", name: "Cash" },
  { id: "card", name: "Card" },
];

export const STOCK_REASONS: Choice<string>[] = [
  { id: "received", name: "Received" },
  { id: "damaged", name: "Damaged" },
  { id: "counted", name: "Counted" },
];

export function statusName(status: number): string {
  return ORDER_STATUSES.find(({ id }) => id === status)?.name ?? String(status);
}

/** Return a name from a field: `stock_after` is "Stock after". */
export function labelOf(name: string): string {
  const words = name.replace(/_id$/, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
