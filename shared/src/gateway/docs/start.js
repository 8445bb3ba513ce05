// Every address is relative: deployed, the API stands below a stage (/prod/docs).
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // Nothing is sent to anybody else to be checked, and no key is kept after the page is closed.
  validatorUrl: null,
  persistAuthorization: false,
});
