/** Pages of lists: by key where the order allows it, at the same cost at any depth, else by `skip`. */

import type { GetListParams, Identifier } from "react-admin";

import type { Query } from "./shop";

const lastKeys = new Map<string, Identifier>();

export function pageQuery(resource: string, params: GetListParams): Query {
  const { page = 1, perPage = 25 } = params.pagination ?? {};
  const limit = perPage + 1; // one more shows whether there is a next page
  const query = { ...filterQuery(params.filter), sort: sortOf(params), limit };
  if (page === 1) return query;
  const last = lastKeys.get(placeOf(resource, params, page - 1));
  return last === undefined ? { ...query, skip: (page - 1) * perPage } : { ...query, after_id: last };
}

/** Remember where the next page begins. */
export function rememberPage(resource: string, params: GetListParams, last: Identifier | undefined): void {
  const isByKey = sortOf(params).endsWith("id_key");
  if (isByKey && last !== undefined) lastKeys.set(placeOf(resource, params, params.pagination?.page ?? 1), last);
}

/** Return the filters that have a value; the service refuses blank ones. */
export function filterQuery(filter: Record<string, unknown> = {}): Query {
  const given = Object.entries(filter).map(([name, value]) => [name, typeof value === "string" ? value.trim() : value]);
  return Object.fromEntries(given.filter(([, value]) => value !== "" && value !== null && value !== undefined));
}

export function sortOf({ sort }: Pick<GetListParams, "sort">): string {
  const field = !sort || sort.field === "id" ? "id_key" : sort.field;
  return `${sort?.order === "DESC" ? "-" : ""}${field}`;
}

function placeOf(resource: string, params: GetListParams, page: number): string {
  return JSON.stringify([resource, params.filter, sortOf(params), params.pagination?.perPage, page]);
}
