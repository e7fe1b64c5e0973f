/** Light and dark theme, with the contrasts of WCAG AA and the fonts of the system. */

import { defaultDarkTheme, defaultLightTheme, type RaThemeOptions } from "react-admin";

const typography = {
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  h6: { fontWeight: 600, fontSize: "1.05rem" },
};
const shape = { borderRadius: 8 };

/** Wide tables scroll within their part of the page, and do not widen it. */
const fits = (part: string) => ({ styleOverrides: { root: { [`& .${part}-main`]: { minWidth: 0 } } } });
const named = { defaultProps: { "aria-label": "Loading" } };
const components = {
  MuiCircularProgress: named,
  MuiLinearProgress: named,
  RaLayout: { styleOverrides: { root: { minWidth: 0, "& .RaLayout-content": { minWidth: 0 } } } },
  RaShow: fits("RaShow"),
  RaEdit: fits("RaEdit"),
  RaCreate: fits("RaCreate"),
};

export const lightTheme: RaThemeOptions = {
  ...defaultLightTheme,
  components: { ...defaultLightTheme.components, ...components },
  typography,
  shape,
  palette: {
    mode: "light",
    primary: { main: "#1d4ed8" },
    secondary: { main: "#1e3a8a" },
    success: { main: "#166534" },
    warning: { main: "#92400e" },
    error: { main: "#b91c1c" },
    info: { main: "#075985" },
    text: { primary: "#111827", secondary: "#4b5563" },
    background: { default: "#f6f7f9", paper: "#ffffff" },
  },
};

export const darkTheme: RaThemeOptions = {
  ...defaultDarkTheme,
  components: { ...defaultDarkTheme.components, ...components },
  typography,
  shape,
  palette: {
    mode: "dark",
    primary: { main: "#93c5fd" },
    secondary: { main: "#93c5fd" },
    success: { main: "#86efac" },
    warning: { main: "#fcd34d" },
    error: { main: "#fca5a5" },
    info: { main: "#7dd3fc" },
    text: { primary: "#f3f4f6", secondary: "#c3c8d1" },
    background: { default: "#111418", paper: "#1b2027" },
  },
};
