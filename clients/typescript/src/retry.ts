/** Repeats of requests that may have been lost. */

const SAFE_METHODS = new Set(["GET", "HEAD"]);
const UNAVAILABLE = 503;
const TOO_MANY_REQUESTS = 429;

export interface RetryOptions {
  /** Repeats after the first attempt; 3 by default. */
  retries?: number;
  /** Longest wait before a repeat, in seconds; 65 by default. A longer `Retry-After` is returned to the caller. */
  maxWaitSeconds?: number;
  /** Replacement of the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
  /** Replacement of the wait between attempts. */
  sleep?: (seconds: number) => Promise<void>;
}

export function newIdempotencyKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16)); // also on pages without TLS, which have no randomUUID
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Return a `fetch` that repeats a request after 429, 503 and lost connections.
 *
 * A write whose outcome is unknown is repeated only if it has an `Idempotency-Key`: the service then runs it once.
 */
export function retrying(options: RetryOptions): (request: Request) => Promise<Response> {
  const { retries = 3, maxWaitSeconds = 65, sleep = pause } = options;
  return async (request) => {
    const send = options.fetch ?? fetch;
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt === retries;
      try {
        const response = await send(isLast ? request : request.clone());
        const wait = waitBefore(response, attempt);
        if (isLast || wait > maxWaitSeconds || !mayRepeat(request, response)) return response;
        await response.body?.cancel();
        await sleep(wait);
      } catch (error) {
        if (isLast || request.signal.aborted || !isRepeatable(request)) throw error;
        await sleep(backoff(attempt));
      }
    }
  };
}

function mayRepeat(request: Request, response: Response): boolean {
  if (response.status === TOO_MANY_REQUESTS) return true; // refused before it ran
  return response.status === UNAVAILABLE && isRepeatable(request);
}

function isRepeatable(request: Request): boolean {
  return SAFE_METHODS.has(request.method) || request.headers.has("Idempotency-Key");
}

function waitBefore(response: Response, attempt: number): number {
  return Number(response.headers.get("Retry-After")) || backoff(attempt);
}

function backoff(attempt: number): number {
  return 0.2 * 2 ** attempt;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
