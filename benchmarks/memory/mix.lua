-- What a shop's day is made of: hits, misses, writes, checkouts, mistakes.
local PRODUCTS = 10000
local json = {["Content-Type"] = "application/json"}
local function hit(turn) return wrk.format("GET", "/products?skip=0&limit=10") end
local function list(turn) return wrk.format("GET", "/products?limit=20&min_price=" .. turn % 500) end
local function one(turn) return wrk.format("GET", "/products/" .. 1 + turn * 7 % PRODUCTS) end
local function categories(turn) return wrk.format("GET", "/categories") end
local function clients(turn) return wrk.format("GET", "/clients?skip=" .. turn % 1000 .. "&limit=50&count=true") end
local function missing(turn) return wrk.format("GET", "/products/2000000000") end
local function wrong(turn) return wrk.format("POST", "/clients", json, '{"name": ') end
local function sign_up(turn, unique)
  local body = '{"name": "Jo", "lastname": "Doe", "email": "jo.%s.%d@example.com"}'
  return wrk.format("POST", "/clients", json, string.format(body, unique, turn))
end
local function check_out(turn, unique)
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = unique .. "." .. turn}
  local body = '{"client_id": 1, "delivery_method": 3, "payment_type": "card", "items": '
    .. '[{"product_id": %d, "quantity": 1}, {"product_id": %d, "quantity": 2}]}'
  local first = 1 + turn % PRODUCTS
  return wrk.format("POST", "/orders/checkout", headers, string.format(body, first, 1 + first % PRODUCTS))
end
local mix = {hit, one, list, hit, categories, sign_up, one, clients, hit, check_out, one, hit, missing, one, wrong, hit}
function next_request(run, thread, turn)
  return mix[1 + turn % #mix](turn, run .. "." .. thread)
end
