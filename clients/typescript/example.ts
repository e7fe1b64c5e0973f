import { ChangedError, createShopClient, newIdempotencyKey, pages, unwrap } from "./src/index.js";

const shop = createShopClient({ baseUrl: process.argv[2] ?? "http://127.0.0.1:8000" });

for await (const page of pages(shop, "/categories", { limit: 100 })) console.log(`${page.length} categories`);

const key = newIdempotencyKey(); // repeats get the first response
const category = { params: { header: { "Idempotency-Key": key } }, body: { name: `Example ${key}` } };
const { data: created } = await unwrap(shop.POST("/categories", category));
const { response } = await unwrap(shop.POST("/categories", category));
console.log(`created ${created.id_key}, repeated: ${response.headers.get("Idempotency-Replayed")}`);

const path = { id_key: created.id_key };
const { etag } = await unwrap(shop.GET("/categories/{id_key}", { params: { path } }));
const rename = (name: string) =>
  unwrap(shop.PATCH("/categories/{id_key}", { params: { path, header: { "If-Match": etag! } }, body: { name } }));
await rename(`Renamed ${key}`);
await rename("Too late").catch((error: unknown) => {
  if (!(error instanceof ChangedError)) throw error;
  console.log(`412: ${error.message}`); // the object has changed: read it again, and decide again
});
await unwrap(shop.DELETE("/categories/{id_key}", { params: { path } }));
