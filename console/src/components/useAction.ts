/** Actions outside of forms: run, tell the result, and read everything on the page again. */

import { useState } from "react";
import { useLogoutIfAccessDenied, useNotify, useRefresh } from "react-admin";

import { asHttpError } from "../api/errors";

export function useAction() {
  const [isBusy, setBusy] = useState(false);
  const notify = useNotify();
  const refresh = useRefresh();
  const logoutIfAccessDenied = useLogoutIfAccessDenied();

  /** Return true if it has succeeded. */
  const act = async (run: () => Promise<unknown>, done: string): Promise<boolean> => {
    setBusy(true);
    try {
      await run();
      notify(done, { type: "success" });
      return true;
    } catch (error) {
      const shown = asHttpError(error) as Error;
      if (!(await logoutIfAccessDenied(shown))) notify(shown.message, { type: "error" });
      return false;
    } finally {
      setBusy(false);
      refresh();
    }
  };
  return { act, isBusy };
}
