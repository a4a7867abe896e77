import { expect, test } from 'vitest'
import { asText, fromForm, toForm, type Profile } from './profile'

const profile: Profile = {
  agent_profile_id: 'a',
  stage: 'dev',
  state: 'published',
  version: 3,
  adapter: 'command',
  command: ['sh', '-c', 'echo  two\n\necho three'],
  cpu: '2',
  memory: '4Gi',
  environment: { A: 'x=y' },
  output: 'pull_request',
  active_seconds: 1_800,
  write_include: ['/docs/**'],
  write_exclude: [],
  write_protected: ['.github/**'],
  written_at: '2026-01-01T00:00:00Z',
  written_by: 'person:mia',
}

test('through a form and back, nothing changes', () => {
  const asked = fromForm(toForm(profile))
  expect(asked).toMatchObject({ command: profile.command, environment: profile.environment, active_seconds: 1_800, write_include: ['/docs/**'], write_exclude: [] })
})

test('an empty form field takes away what was there', () => {
  expect(fromForm({ ...toForm(profile), minutes: '', model: '' })).toMatchObject({ active_seconds: 0, model: '' })
})

test('a program of its own is of the adapter command alone', () => {
  expect(fromForm({ ...toForm(profile), adapter: 'codex' })).not.toHaveProperty('command')
})

test('as text, one thing a line', () => {
  expect(asText(profile).split('\n')).toContain('environment: A=x=y')
  expect(asText(profile)).not.toContain('model')
})
