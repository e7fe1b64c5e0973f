// Starts Swagger UI. A file of its own, because the pages' Content-Security-Policy forbids scripts inside the page.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // the default would send the description to a foreign host
});
