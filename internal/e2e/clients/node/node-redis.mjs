// An application with node-redis, in the RESP version that the argument says.
import { BasicClientSideCache, createClient, defineScript, WatchError } from 'redis'
import assert from 'node:assert/strict'
import { gate, large, play, queue, until, want } from './application.mjs'

const RESP = Number(process.argv[2])

async function connect(more) {
  const client = createClient({
    RESP, username: gate.username, password: gate.password, name: 'node',
    socket: { host: gate.host, port: gate.port, ...gate.tls, tls: true, reconnectStrategy: 10 },
    scripts: { add: defineScript({ SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])", NUMBER_OF_KEYS: 1,
      parseCommand(parser, key, n) { parser.pushKey(key); parser.push(String(n)) }, transformReply: reply => reply }) },
    ...more,
  })
  client.on('error', () => {}) // of the connection that is killed
  return client.connect()
}

const c = await connect()
const other = await connect()

const steps = {
  async ping() { want(await c.ping(), 'PONG') },
  async values() {
    want(await c.set('k', 'v', { EX: 60 }), 'OK')
    want(await c.get('k'), 'v')
    want(await c.get('nothing'), null)
    want(await c.hSet('h', 'a', '1'), 1)
    want(await c.hGetAll('h'), { a: '1' })
    await assert.rejects(c.incr('k'))
  },
  async 'large values'() {
    want(await c.set('large', large), 'OK')
    want(await c.get('large'), large)
  },
  async pipelines() {
    const got = await Promise.all(Array.from({ length: 1000 }, () => c.incr('n')))
    want(got, Array.from({ length: 1000 }, (_, i) => i + 1))
  },
  async transactions() { want(await c.multi().set('t', '1').incr('t').exec(), ['OK', 2]) },
  async WATCH() {
    const own = await c.duplicate().connect()
    await own.watch('t')
    await other.set('t', 'other')
    await assert.rejects(own.multi().set('t', 'watched').exec(), WatchError)
    await own.watch('t')
    want(await own.multi().set('t', 'watched').exec(), ['OK'])
    want(await c.get('t'), 'watched')
    own.destroy()
  },
  async messages() {
    const s = await c.duplicate().connect()
    const got = queue()
    await s.subscribe('news', text => got.put(text))
    await s.pSubscribe('weather.*', text => got.put(text))
    want(await other.publish('news', 'hello'), 1)
    want(await got.take(), 'hello')
    want(await other.publish('weather.today', large), 1)
    want(await got.take(), large)
    want((await s.ping()).toLowerCase(), 'pong')
    await s.unsubscribe('news')
    await s.pUnsubscribe('weather.*')
    want(String(await s.get('k')), 'v') // the library still gives a Buffer in RESP2
    s.destroy()
  },
  async waits() {
    const own = await c.duplicate().connect()
    const popped = own.blPop('q', 0)
    await other.rPush('q', 'x')
    want(await popped, { key: 'q', element: 'x' })
    want(await own.blPop('q', 0.01), null)
    own.destroy()
  },
  async scripts() {
    want(await c.add('s', 5), 5)
    want(await c.add('s', 5), 10)
  },
  async killed() {
    const id = await c.clientId()
    want(await other.sendCommand(['CLIENT', 'KILL', 'ID', String(id)]), 1)
    await until(async () => want(await c.get('k'), 'v'))
    assert.notEqual(await c.clientId(), id)
  },
}

if (RESP === 3) {
  steps.caching = async () => {
    const cache = new BasicClientSideCache({ ttl: 0, maxEntries: 10 })
    const caching = await connect({ clientSideCache: cache })
    await other.set('cached', '1')
    want(await caching.get('cached'), '1')
    want(await caching.get('cached'), '1')
    want(cache.stats().hitCount, 1)
    await other.set('cached', '2')
    await until(async () => want(await caching.get('cached'), '2'))
    caching.destroy()
  }
}

await play(steps)
