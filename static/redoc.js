// Starts ReDoc, with the fonts that the reader's system has instead of fonts from a foreign host.
const fonts = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

Redoc.init(
  "openapi.json",
  {
    requiredPropsFirst: true,
    theme: { typography: { fontFamily: fonts, headings: { fontFamily: fonts } } },
  },
  document.getElementById("documentation"),
);
