/** Numbers and times as the visitor's language writes them. */

import { currency } from "./settings";

export const MONEY = { style: "currency", currency } as const;

const moneyFormat = new Intl.NumberFormat(undefined, MONEY);
const numberFormat = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export const money = (amount: number) => moneyFormat.format(amount);
export const number = (value: number) => numberFormat.format(value);
export const time = (value: string) => timeFormat.format(new Date(value));
