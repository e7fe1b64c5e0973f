/** Idempotency keys of requests that create something. */

import { newIdempotencyKey } from "ecommerce-client";

const open = new Map<string, string>();

/**
 * Run a request with a key, and use the same key again for the same request until one has been answered.
 *
 * So a second click after a lost answer gets the first answer, and buys nothing twice.
 */
export async function once<T>(request: string, run: (key: string) => Promise<T>): Promise<T> {
  const key = open.get(request) ?? newIdempotencyKey();
  open.set(request, key);
  try {
    const result = await run(key);
    open.delete(request);
    return result;
  } catch (error) {
    if (wasAnswered(error)) open.delete(request);
    throw error;
  }
}

function wasAnswered(error: unknown): boolean {
  const status = (error as { status?: number }).status;
  return status !== undefined && status < 500;
}
