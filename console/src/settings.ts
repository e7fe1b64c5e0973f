/** Settings that the service writes into the page. */

const page = document.getElementById("console") as HTMLElement;

export type AuthMode = "none" | "api_key" | "jwt" | "both";

const MODES: string[] = ["api_key", "jwt", "both"];
const given = page.dataset.authMode ?? "";

/** `none` also in the development server, where nothing fills in the page. */
export const authMode = (MODES.includes(given) ? given : "none") as AuthMode;
export const currency = /^[A-Z]{3}$/.test(page.dataset.currency ?? "") ? page.dataset.currency! : "EUR";

/** Address of the service: the page is `/console` below the prefix of a gateway. */
export const baseUrl = new URL(".", window.location.href).href.replace(/\/$/, "");
