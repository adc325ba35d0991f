// What applications of all libraries share: where the gate is, and steps that print
// a line when they work.
import { readFileSync } from 'node:fs'
import assert from 'node:assert/strict'

const [, host, port] = /^(.*):(\d+)$/.exec(process.env.GATE_ADDR)

export const gate = {
  host, port: Number(port), username: process.env.GATE_USER, password: process.env.GATE_PASSWORD,
  tls: { ca: readFileSync(process.env.GATE_CA), servername: 'localhost' },
}

export const large = 'redisgate!'.repeat(Math.floor(1024 * 1024 / 10))

// want compares without printing a megabyte.
export function want(got, wanted) {
  if (got !== large || wanted !== large) assert.deepEqual(short(plain(got)), short(wanted))
}

function plain(v) {
  return v instanceof Map ? Object.fromEntries(v) : v !== null && typeof v === 'object' && !Array.isArray(v) ? { ...v } : v
}

function short(v) {
  return typeof v === 'string' && v.length > 200 ? `${v.length} characters` : v
}

// until tries again while a connection comes back.
export async function until(f) {
  for (const deadline = Date.now() + 20_000; ;) {
    try {
      return await f()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
}

// queue gives what is put into it one at a time.
export function queue() {
  const items = []
  const waiting = []
  return {
    put(v) { waiting.length ? waiting.shift()(v) : items.push(v) },
    take() { return items.length ? Promise.resolve(items.shift()) : new Promise(resolve => waiting.push(resolve)) },
  }
}

function late() {
  return new Promise((_, reject) => setTimeout(() => reject(new Error('it takes too long')), 30_000))
}

export async function play(steps) {
  for (const [name, step] of Object.entries(steps)) {
    try {
      await Promise.race([step(), late()])
    } catch (error) {
      console.error(`${name}:`, error)
      process.exit(1)
    }
    console.log(`ok ${name}`)
  }
  process.exit(0)
}
