// Fastify on Node: response schemas, prepared statements through @fastify/postgres, one process a core.
// CACHED=1 reads lists through Redis; RATE_LIMIT=n counts the requests of an address there.
import cluster from 'node:cluster'
import rateLimit from '@fastify/rate-limit'
import postgres from '@fastify/postgres'
import Fastify from 'fastify'
import Redis from 'ioredis'
import pg from 'pg'

const { PORT, WORKERS, BENCH_DATABASE, BENCH_REDIS, CACHED, RATE_LIMIT } = process.env
const TTL_SECONDS = 300

pg.types.setTypeParser(pg.types.builtins.NUMERIC, parseFloat)
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

const integer = { type: 'integer' }
const text = { type: 'string' }
const optionalText = { type: ['string', 'null'] }
const product = {
  type: 'object',
  properties: { id_key: integer, name: text, price: { type: 'number' }, stock: integer, category_id: integer }
}
const clientFields = { name: text, lastname: text, email: { type: 'string', format: 'email' }, telephone: optionalText }
const client = { type: 'object', properties: { id_key: integer, ...clientFields } }
const listOf = (items) => ({ response: { 200: { type: 'array', items } }, querystring: paging })
const paging = {
  type: 'object',
  properties: { skip: { type: 'integer', minimum: 0, default: 0 }, limit: { type: 'integer', minimum: 1, default: 100 } }
}

async function serve () {
  const fastify = Fastify({ logger: false })
  const redis = CACHED || RATE_LIMIT ? new Redis(BENCH_REDIS, { enableAutoPipelining: true }) : null
  if (RATE_LIMIT) await fastify.register(rateLimit, { max: Number(RATE_LIMIT), timeWindow: '1 minute', redis })
  await fastify.register(postgres, { connectionString: BENCH_DATABASE, max: 20 })

  const products = async (skip, limit) => {
    const { rows } = await fastify.pg.query({
      name: 'products',
      text: 'SELECT id_key, name, price, stock, category_id FROM products ORDER BY id_key OFFSET $1 LIMIT $2',
      values: [skip, limit]
    })
    return rows
  }

  if (CACHED) {
    fastify.get('/products', { schema: { querystring: paging } }, async (request, reply) => {
      const { skip, limit } = request.query
      const key = `fastify:products:list:skip:${skip}:limit:${limit}`
      let body = await redis.get(key)
      if (body === null) {
        body = JSON.stringify(await products(skip, limit))
        await redis.set(key, body, 'EX', TTL_SECONDS)
      }
      return reply.type('application/json').send(body)
    })
  } else {
    fastify.get('/products', { schema: listOf(product) }, ({ query }) => products(query.skip, query.limit))
  }

  const one = { params: { type: 'object', properties: { id_key: integer } }, response: { 200: product } }
  fastify.get('/products/:id_key', { schema: one }, async (request, reply) => {
    const { rows } = await fastify.pg.query({
      name: 'product',
      text: 'SELECT id_key, name, price, stock, category_id FROM products WHERE id_key = $1',
      values: [request.params.id_key]
    })
    return rows[0] ?? reply.code(404).send({ message: 'not found' })
  })

  fastify.get('/clients', { schema: listOf(client) }, async ({ query }) => {
    const { rows } = await fastify.pg.query({
      name: 'clients',
      text: 'SELECT id_key, name, lastname, email, telephone FROM clients ORDER BY id_key OFFSET $1 LIMIT $2',
      values: [query.skip, query.limit]
    })
    return rows
  })

  const body = { type: 'object', required: ['name', 'lastname', 'email'], properties: clientFields }
  fastify.post('/clients', { schema: { body, response: { 201: client } } }, async (request, reply) => {
    const { name, lastname, email, telephone } = request.body
    const { rows } = await fastify.pg.query({
      name: 'create client',
      text: 'INSERT INTO clients (name, lastname, email, telephone) VALUES ($1, $2, $3, $4) ' +
        'RETURNING id_key, name, lastname, email, telephone',
      values: [name, lastname, email, telephone]
    })
    return reply.code(201).send(rows[0])
  })

  await fastify.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 2048 })
}

if (cluster.isPrimary) {
  for (let number = 0; number < Number(WORKERS); number++) cluster.fork()
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill()
    cluster.on('exit', () => Object.keys(cluster.workers).length || process.exit())
  })
} else {
  await serve()
}
