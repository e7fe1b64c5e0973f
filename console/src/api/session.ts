/** The caller's credentials and role, kept until the tab is closed. */

import type { Credentials } from "ecommerce-client";

export type Role = "admin" | "client";

const CREDENTIAL = "shop-console-credential";
const ROLE = "shop-console-role";
const API_KEY_PREFIX = "eck_";

export function storeSession(credential: string, role: Role): void {
  sessionStorage.setItem(ROLE, role);
  sessionStorage.setItem(CREDENTIAL, credential);
}

/** Return the role that was found at sign-in; the service checks it again at each request. */
export function storedRole(): Role {
  return sessionStorage.getItem(ROLE) === "admin" ? "admin" : "client";
}

export function forgetSession(): void {
  sessionStorage.removeItem(CREDENTIAL);
  sessionStorage.removeItem(ROLE);
}

export function credentials(): Credentials | undefined {
  const value = sessionStorage.getItem(CREDENTIAL);
  return value ? credentialsOf(value) : undefined;
}

export function credentialsOf(value: string): Credentials {
  return value.startsWith(API_KEY_PREFIX) ? { apiKey: value } : { token: value };
}
