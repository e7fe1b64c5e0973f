// Fills the start page: health, size of the shop, and the button for demo data, which exists in development only.
const root = document.body.dataset.root;
const byId = (id) => document.getElementById(id);

function showCheck(name, value) {
  const item = document.createElement("li");
  const label = document.createElement("span");
  label.textContent = name;
  item.append(label, value);
  byId("checks").append(item);
}

function showState(text, isGood) {
  byId("state").textContent = text;
  byId("state").className = isGood ? "good" : "bad";
}

async function showHealth() {
  try {
    const { status, checks } = await (await fetch(`${root}/health_check`)).json();
    showState(status[0].toUpperCase() + status.slice(1), status === "healthy");
    byId("checks").replaceChildren();
    const latency = checks.database.latency_ms;
    showCheck("PostgreSQL", latency == null ? checks.database.status : `${checks.database.status}, ${latency} ms`);
    showCheck("Redis", checks.redis.status);
    showCheck("Cache hits", `${checks.cache.hit_rate_percent} %`);
    showCheck("Connections in use", `${checks.db_pool.checked_out} of ${checks.db_pool.total_capacity}`);
  } catch {
    showState("The service does not answer", false);
    byId("checks").replaceChildren();
  }
}

async function countProducts() {
  const response = await fetch(`${root}/products?limit=1&count=true`);
  return response.ok ? Number(response.headers.get("X-Total-Count")) : null;
}

async function showShop() {
  const count = await countProducts();
  if (count) byId("shop").textContent = `This shop has ${count.toLocaleString("en")} products.`;
}

async function* linesOf(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
    rest = lines.pop();
    yield* lines.map((line) => JSON.parse(line));
  }
}

function showProgress(line) {
  if (line.total) {
    byId("progress").max = line.total;
    byId("progress").value = line.rows;
  }
  if (line.step) byId("step").textContent = line.step.replaceAll("_", " ");
  if (line.error) byId("step").textContent = line.error;
  if (line.added) byId("step").textContent = `${line.added.toLocaleString("en")} rows added.`;
  if (line.added === 0) byId("step").textContent = "The demo data is already there.";
}

async function fill(button) {
  button.disabled = true;
  byId("progress").hidden = false;
  byId("step").textContent = "Preparing …";
  try {
    const response = await fetch(button.dataset.path, { method: "POST" });
    if (!response.ok) throw new Error((await response.json()).detail);
    for await (const line of linesOf(response)) showProgress(line);
    await showShop();
  } catch (error) {
    byId("step").textContent = `Nothing was added: ${error.message}`;
  }
  byId("progress").hidden = true;
  button.disabled = false;
}

showHealth();
setInterval(() => document.hidden || showHealth(), 5000);
showShop();
byId("fill")?.addEventListener("click", (event) => fill(event.target));
