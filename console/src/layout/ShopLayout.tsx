import { useEffect, type ReactNode } from "react";
import { AppBar, Layout, TitlePortal, useNotify } from "react-admin";

import { WAITING } from "../api/waiting";

export function ShopLayout({ children }: { children: ReactNode }) {
  return (
    <Layout appBar={ShopBar}>
      {children}
      <WaitingNotice />
    </Layout>
  );
}

/** The title is an inline-block otherwise, which is cut without dots. */
const ENDS_WITH_DOTS = { "& .RaConfigurable-root": { display: "inline" } };

const ShopBar = () => (
  <AppBar>
    <TitlePortal component="h1" sx={ENDS_WITH_DOTS} />
  </AppBar>
);

/** Tells that the service lets the console wait, which is usually its rate limit. */
function WaitingNotice() {
  const notify = useNotify();
  useEffect(() => {
    const tell = (event: Event) => {
      const seconds = Math.ceil((event as CustomEvent<number>).detail);
      notify(`The service is busy. The console goes on in ${seconds} s.`, { autoHideDuration: seconds * 1000 });
    };
    window.addEventListener(WAITING, tell);
    return () => window.removeEventListener(WAITING, tell);
  }, [notify]);
  return null;
}
