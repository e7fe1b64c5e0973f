/** The API's errors in the form that react-admin shows: messages at the fields of a form, or a notification. */

import { ApiError, ChangedError } from "ecommerce-client";
import { HttpError } from "react-admin";

interface FieldError {
  loc: (string | number)[];
  msg: string;
}

export function asHttpError(error: unknown): unknown {
  if (!(error instanceof ApiError)) return error;
  const message = error instanceof ChangedError ? "Somebody else has changed it in the meantime" : error.message;
  return new HttpError(message, error.status, { ...errorsOfFields(error.body) });
}

function errorsOfFields(body: unknown): { errors?: Record<string, unknown> } {
  const detail = (body as { detail?: unknown } | undefined)?.detail;
  if (!Array.isArray(detail)) return {};
  const errors: Record<string, unknown> = {};
  for (const { loc, msg } of detail as FieldError[]) place(errors, loc.slice(1), msg);
  return { errors };
}

/** Set the message at its place in the form: `items.0.quantity`. */
function place(errors: Record<string, unknown>, loc: (string | number)[], message: string): void {
  const [name, ...rest] = loc;
  if (name === undefined) return;
  if (!rest.length) errors[name] = message;
  else place((errors[name] ??= {}) as Record<string, unknown>, rest, message);
}
