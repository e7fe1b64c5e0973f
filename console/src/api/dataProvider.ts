/** react-admin's data provider on the API: filters, sorting, paging by key, `If-Match`, idempotency keys. */

import type { CreateParams, DataProvider, GetListParams, RaRecord, UpdateParams } from "react-admin";

import { asHttpError } from "./errors";
import { once } from "./idempotency";
import { filterQuery, pageQuery, rememberPage } from "./paging";
import { readMany, type Keyed } from "./references";
import { call } from "./shop";

/** The ETag with which a record was read. It never reaches the service as a field. */
export const ETAG = "_etag";

/** An object of the API as react-admin needs it. */
export function asRecord<T extends Keyed>(object: T, etag?: string): T & RaRecord {
  return { ...object, id: object.id_key, ...(etag ? { [ETAG]: etag } : {}) };
}

/** Return the fields that differ from the record that was edited. */
export function changedFields({ data, previousData }: Pick<UpdateParams, "data" | "previousData">): object {
  const before = (previousData ?? {}) as Record<string, unknown>;
  const changed = Object.entries(data as object).filter(([name, value]) => value !== before[name]);
  return Object.fromEntries(changed.filter(([name]) => name !== "id" && name !== "id_key" && name !== ETAG));
}

function ifMatch(record: unknown): Record<string, string> {
  const etag = (record as Record<string, string> | undefined)?.[ETAG];
  return etag ? { "If-Match": etag } : {};
}

async function getList(resource: string, params: GetListParams & { signal?: AbortSignal }) {
  const query = pageQuery(resource, params);
  const { data: objects } = await call<Keyed[]>("GET", `/${resource}`, { query, signal: params.signal });
  const { page = 1, perPage = 25 } = params.pagination ?? {};
  const shown = objects.slice(0, perPage);
  rememberPage(resource, params, shown.at(-1)?.id_key);
  const hasNextPage = objects.length > perPage;
  const total = hasNextPage ? undefined : (page - 1) * perPage + shown.length; // the last page shows it
  return { data: shown.map((one) => asRecord(one)), total, pageInfo: { hasNextPage, hasPreviousPage: page > 1 } };
}

async function getOne(resource: string, { id }: { id: unknown }) {
  const { data, etag } = await call<Keyed>("GET", `/${resource}/${id}`);
  return { data: asRecord(data, etag) };
}

async function create(resource: string, { data }: CreateParams) {
  const path = resource === "orders" ? "/orders/checkout" : `/${resource}`;
  const body = filterQuery(data as Record<string, unknown>);
  const run = (key: string) => call<Keyed | { order: Keyed }>("POST", path, { body, header: { "Idempotency-Key": key } });
  const { data: created } = await once(path + JSON.stringify(body), run);
  return { data: asRecord("order" in created ? created.order : created) };
}

async function update(resource: string, params: UpdateParams) {
  const body = changedFields(params);
  const header = ifMatch(params.previousData);
  const { data, etag } = await call<Keyed>("PATCH", `/${resource}/${params.id}`, { body, header });
  return { data: asRecord(data, etag) };
}

async function remove(resource: string, params: { id: unknown; previousData?: unknown }) {
  await call("DELETE", `/${resource}/${params.id}`, { header: ifMatch(params.previousData) });
  return { data: { id: params.id } };
}

const methods = {
  getList,
  getOne,
  create,
  update,
  delete: remove,
  getMany: async (resource: string, { ids }: { ids: (string | number)[] }) => ({
    data: (await readMany<Keyed>(resource, ids)).map((one) => asRecord(one)),
  }),
  getManyReference: (resource: string, { target, id, ...params }: GetListParams & { target: string; id: unknown }) =>
    getList(resource, { ...params, filter: { ...params.filter, [target]: id } }),
};

/** Every error reaches react-admin in its own form. */
function translated<M extends (...given: never[]) => Promise<unknown>>(method: M): M {
  const run = (...given: never[]) =>
    method(...given).catch((error: unknown) => {
      throw asHttpError(error);
    });
  return run as M;
}

export const dataProvider = Object.fromEntries(
  Object.entries(methods).map(([name, method]) => [name, translated(method as never)]),
) as unknown as DataProvider;
