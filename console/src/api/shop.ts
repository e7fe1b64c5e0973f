/** The one client of the API, and calls whose path is known only while the console runs. */

import { createShopClient, unwrap, type Success } from "ecommerce-client";

import { baseUrl } from "../settings";
import { credentials } from "./session";
import { waiting } from "./waiting";

export const shop = createShopClient({ baseUrl, credentials, sleep: waiting });

export type Method = "GET" | "POST" | "PATCH" | "DELETE";
export type Query = Record<string, unknown>;

interface Call {
  query?: Query;
  body?: unknown;
  header?: Record<string, string>;
  signal?: AbortSignal;
}

export function call<T>(method: Method, path: string, { query, header, ...rest }: Call = {}): Promise<Success<T>> {
  const send = shop[method] as unknown as (path: string, init: object) => Promise<{ response: Response }>;
  return unwrap<T>(send(path, { params: { query, header }, ...rest }));
}
