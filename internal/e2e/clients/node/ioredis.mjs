// An application with ioredis.
import Redis from 'ioredis'
import assert from 'node:assert/strict'
import { gate, large, play, queue, until, want } from './application.mjs'

function connect() {
  const client = new Redis({ ...gate, connectionName: 'ioredis', retryStrategy: () => 10 })
  client.on('error', () => {}) // of the connection that is killed
  client.defineCommand('add', { numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])" })
  return client
}

const c = connect()
const other = connect()

await play({
  async ping() { want(await c.ping(), 'PONG') },
  async values() {
    want(await c.set('k', 'v', 'EX', 60), 'OK')
    want(await c.get('k'), 'v')
    want(await c.get('nothing'), null)
    want(await c.hset('h', 'a', '1'), 1)
    want(await c.hgetall('h'), { a: '1' })
    await assert.rejects(c.incr('k'))
  },
  async 'large values'() {
    want(await c.set('large', large), 'OK')
    want(await c.get('large'), large)
  },
  async pipelines() {
    const p = c.pipeline()
    for (let i = 0; i < 1000; i++) p.incr('n')
    want(await p.exec(), Array.from({ length: 1000 }, (_, i) => [null, i + 1]))
  },
  async transactions() { want(await c.multi().set('t', '1').incr('t').exec(), [[null, 'OK'], [null, 2]]) },
  async WATCH() {
    await c.watch('t')
    await other.set('t', 'other')
    want(await c.multi().set('t', 'watched').exec(), null)
    await c.watch('t')
    want(await c.multi().set('t', 'watched').exec(), [[null, 'OK']])
    want(await c.get('t'), 'watched')
  },
  async messages() {
    const s = connect()
    const got = queue()
    s.on('message', (_, text) => got.put(text))
    s.on('pmessage', (_pattern, _channel, text) => got.put(text))
    await s.subscribe('news')
    await s.psubscribe('weather.*')
    want(await other.publish('news', 'hello'), 1)
    want(await got.take(), 'hello')
    want(await other.publish('weather.today', large), 1)
    want(await got.take(), large)
    await s.unsubscribe('news')
    await s.punsubscribe('weather.*')
    want(await s.get('k'), 'v')
    s.disconnect()
  },
  async waits() {
    const popped = c.blpop('q', 0)
    await other.rpush('q', 'x')
    want(await popped, ['q', 'x'])
    want(await c.blpop('q', 0.01), null)
  },
  async scripts() {
    want(await c.add('s', 5), 5)
    want(await c.add('s', 5), 10)
  },
  async killed() {
    const id = await c.client('ID')
    want(await other.client('KILL', 'ID', id), 1)
    await until(async () => want(await c.get('k'), 'v'))
    assert.notEqual(await c.client('ID'), id)
  },
})
