/** Waits before repeats, which the console shows if they are long. */

const SHOWN_FROM_SECONDS = 2;
export const WAITING = "shop-waiting";

export function waiting(seconds: number): Promise<void> {
  if (seconds >= SHOWN_FROM_SECONDS) window.dispatchEvent(new CustomEvent<number>(WAITING, { detail: seconds }));
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
