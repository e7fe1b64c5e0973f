/** Responses as values, and failures as exceptions. */

export interface Success<T> {
  data: T;
  /** Pass it as `If-Match`, so that the write fails if somebody else has changed the object since. */
  etag: string | undefined;
  response: Response;
}

/** Response with an error status. `message` is the service's text, `body` its whole JSON. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string | null;

  constructor(
    readonly response: Response,
    readonly body: unknown,
  ) {
    super(textOf(body) ?? `${response.status} ${response.statusText}`);
    this.name = new.target.name;
    this.status = response.status;
    this.requestId = response.headers.get("X-Request-ID");
  }
}

/** 412: the object has changed since the `ETag` in `If-Match`. Read it again, and decide again. */
export class ChangedError extends ApiError {}

/** Return data and ETag of a response. Throw `ChangedError` for a 412, and `ApiError` for every other error. */
export async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<Success<T>> {
  const { data, error, response } = await call;
  if (response.ok) return { data: data as T, etag: response.headers.get("ETag") ?? undefined, response };
  throw response.status === 412 ? new ChangedError(response, error) : new ApiError(response, error);
}

function textOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const { detail, message } = body as { detail?: unknown; message?: unknown };
  if (Array.isArray(detail)) return detail.map(textOfField).join("; ");
  const text = detail ?? message;
  return typeof text === "string" ? text : undefined;
}

function textOfField(field: { loc: (string | number)[]; msg: string }): string {
  return `${field.loc.slice(1).join(".")}: ${field.msg}`;
}
