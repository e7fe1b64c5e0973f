/** The caller's credentials, kept until the tab is closed. */

import type { Credentials } from "ecommerce-client";

const KEY = "shop-console-credential";
const API_KEY_PREFIX = "eck_";

export function storeCredential(value: string): void {
  sessionStorage.setItem(KEY, value);
}

export function forgetCredential(): void {
  sessionStorage.removeItem(KEY);
}

export function credentials(): Credentials | undefined {
  const value = sessionStorage.getItem(KEY);
  if (!value) return undefined;
  return value.startsWith(API_KEY_PREFIX) ? { apiKey: value } : { token: value };
}
