/** Typed client of the e-commerce REST API: the operations of its OpenAPI document, errors, retries, paging, ETags. */

import createFetchClient, { type Client, type Middleware } from "openapi-fetch";

import { retrying, type RetryOptions } from "./retry.js";
import type { components, paths } from "./schema.js";

export { ApiError, ChangedError, unwrap, type Success } from "./errors.js";
export { newIdempotencyKey } from "./retry.js";
export { nextPage, pages, type ListPath, type Item, type ListQuery } from "./pages.js";
export type { components, paths } from "./schema.js";

export type Schemas = components["schemas"];
export type ShopClient = Client<paths>;

export interface Credentials {
  apiKey?: string;
  token?: string;
}

export interface ShopOptions extends RetryOptions {
  /** Address of the service, with its path prefix if it has one. */
  baseUrl: string;
  /** Read before each request, so that a renewed token is used at once. */
  credentials?: () => Credentials | undefined;
}

export function createShopClient({ baseUrl, credentials, ...retries }: ShopOptions): ShopClient {
  const client = createFetchClient<paths>({ baseUrl, fetch: retrying(retries) });
  if (credentials) client.use(authenticate(credentials));
  return client;
}

function authenticate(credentials: () => Credentials | undefined): Middleware {
  return {
    onRequest({ request }) {
      const { apiKey, token } = credentials() ?? {};
      if (apiKey) request.headers.set("X-API-Key", apiKey);
      if (token) request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  };
}
