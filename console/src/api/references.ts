/** Objects by their keys, in few requests: keys that are near each other are one page of a list. */

import { ApiError } from "ecommerce-client";
import type { Identifier } from "react-admin";

import { call } from "./shop";

const MAX_SPAN = 200;

export interface Keyed {
  id_key: number;
}

export async function readMany<T extends Keyed>(resource: string, ids: Identifier[]): Promise<T[]> {
  const keys = [...new Set(ids.map(Number))].sort((a, b) => a - b);
  const found = await Promise.all(spans(keys).map((span) => readSpan<T>(resource, span)));
  return found.flat();
}

/** Return the sorted keys in groups whose first and last key are near each other. */
export function spans(keys: number[]): number[][] {
  const groups: number[][] = [];
  for (const key of keys) {
    const group = groups.at(-1);
    if (group && key - group[0] < MAX_SPAN) group.push(key);
    else groups.push([key]);
  }
  return groups;
}

async function readSpan<T extends Keyed>(resource: string, keys: number[]): Promise<T[]> {
  if (keys.length === 1) return readOne<T>(resource, keys[0]);
  const query = { after_id: keys[0] - 1, limit: keys.at(-1)! - keys[0] + 1 };
  const { data } = await call<T[]>("GET", `/${resource}`, { query });
  const listed = data.filter((one) => keys.includes(one.id_key));
  const missing = keys.filter((key) => !listed.some((one) => one.id_key === key)); // archived, or deleted
  const others = await Promise.all(missing.map((key) => readOne<T>(resource, key)));
  return [...listed, ...others.flat()];
}

async function readOne<T>(resource: string, key: number): Promise<T[]> {
  try {
    return [(await call<T>("GET", `/${resource}/${key}`)).data];
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}
