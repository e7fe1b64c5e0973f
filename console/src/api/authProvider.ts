/** Sign-in with an API key or a token, and the role that it has. */

import { ApiError } from "ecommerce-client";
import type { AuthProvider } from "react-admin";

import { credentials, forgetCredential, storeCredential } from "./session";
import { call } from "./shop";

export type Role = "admin" | "client";

const LACKS_SCOPE = "lacks the scope";

let known: Promise<Role> | undefined;

/** Ask for something that only admins may read. A key with scopes is refused with a text of its own. */
async function findRole(): Promise<Role> {
  try {
    await call("GET", "/api_keys", { query: { limit: 1 } });
    return "admin";
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    return error.message.includes(LACKS_SCOPE) ? "admin" : "client";
  }
}

function role(): Promise<Role> {
  known ??= findRole().catch((error: unknown) => {
    known = undefined;
    throw error;
  });
  return known;
}

export const authProvider: AuthProvider = {
  async login({ credential }: { credential: string }) {
    storeCredential(credential.trim());
    known = undefined;
    try {
      await role();
    } catch (error) {
      forgetCredential();
      throw error;
    }
  },
  async logout() {
    forgetCredential();
    known = undefined;
  },
  async checkAuth() {
    if (!credentials()) throw new Error("Sign in first");
  },
  async checkError({ status }: { status?: number }) {
    if (status === 401) throw new Error("The key or token is no longer valid");
  },
  getPermissions: () => role(),
  async getIdentity() {
    return { id: "caller", fullName: (await role()) === "admin" ? "Administrator" : "Client" };
  },
};
