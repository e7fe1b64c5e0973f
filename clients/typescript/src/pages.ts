/** Lists of any length, page by page along the `Link` headers. */

import type { Client } from "openapi-fetch";

import { unwrap } from "./errors.js";
import type { paths } from "./schema.js";

type Json<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;
type Query<P extends keyof paths> = paths[P] extends { get: { parameters: { query?: infer Q } } } ? NonNullable<Q> : never;

/** Paths of lists that can be read page by page. */
export type ListPath = {
  [P in keyof paths]: Json<P> extends { id_key: number }[] ? ("after_id" extends keyof Query<P> ? P : never) : never;
}[keyof paths];
export type Item<P extends ListPath> = Json<P> extends (infer One)[] ? One : never;
export type ListQuery<P extends ListPath> = Omit<Query<P>, "skip" | "after_id">;

const NEWEST_FIRST = "-id_key";
const BEYOND_ALL_KEYS = "9223372036854775807"; // 2^63-1, which a JavaScript number cannot hold

/**
 * Yield the pages of a list in the order of `id_key`, or newest first with `sort: "-id_key"`.
 *
 * Each page costs the same at any depth. `parent` is the `id_key` in the path of a list below another object.
 */
export async function* pages<P extends ListPath>(
  client: Client<paths>,
  path: P,
  query?: ListQuery<P>,
  parent?: number,
): AsyncGenerator<Item<P>[], void> {
  const read = client.GET as unknown as (path: P, init: unknown) => Promise<{ data?: Item<P>[]; response: Response }>;
  const start = (query as { sort?: string } | undefined)?.sort === NEWEST_FIRST ? BEYOND_ALL_KEYS : "0";
  let next: Record<string, string> | undefined = { after_id: start };
  while (next) {
    const params: unknown = { query: { ...query, ...next }, path: { id_key: parent } };
    const { data, response } = await unwrap(read(path, { params }));
    if (data.length) yield data;
    next = nextPage(response.headers.get("Link"));
  }
}

/** Return the parameters of the next page, or undefined after the last one. */
export function nextPage(link: string | null): Record<string, string> | undefined {
  const target = link && /<([^>]*)>; rel="next"/.exec(link)?.[1];
  if (!target) return undefined;
  const given = new URL(target, "http://localhost").searchParams;
  const kept = ["after_id", "safe_since"].flatMap((name) => (given.has(name) ? [[name, given.get(name)!]] : []));
  return Object.fromEntries(kept) as Record<string, string>;
}
