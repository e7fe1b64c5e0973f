/** Sign-in with an API key or a token, and the role that it has. */

import { ApiError, createShopClient, unwrap } from "ecommerce-client";
import type { AuthProvider } from "react-admin";

import { baseUrl } from "../settings";
import { credentials, credentialsOf, forgetSession, storedRole, storeSession, type Role } from "./session";

const LACKS_SCOPE = "lacks the scope";

/** Ask for something that only admins may read. A key with scopes is refused with a text of its own. */
async function findRole(credential: string): Promise<Role> {
  const caller = createShopClient({ baseUrl, credentials: () => credentialsOf(credential) });
  try {
    await unwrap(caller.GET("/api_keys", { params: { query: { limit: 1 } } }));
    return "admin";
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    return error.message.includes(LACKS_SCOPE) ? "admin" : "client";
  }
}

export const authProvider: AuthProvider = {
  async login({ credential }: { credential: string }) {
    storeSession(credential.trim(), await findRole(credential.trim()));
  },
  async logout() {
    forgetSession();
    // react-admin asks again until the sign-in page is shown, and would each time navigate to it.
    if (window.location.hash.startsWith("#/login")) await new Promise(() => undefined);
  },
  async checkAuth() {
    if (!credentials()) throw new Error("Sign in first");
  },
  async checkError({ status }: { status?: number }) {
    if (status === 401) throw new Error("The key or token is no longer valid");
  },
  async getPermissions() {
    return storedRole();
  },
};
