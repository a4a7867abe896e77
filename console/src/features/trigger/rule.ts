import type { Output } from '@/mcp/client'

export type Rule = Output<'trigger_list'>['rules'][number]

/** What must hold for a rule, in words. */
export function whenOf(rule: Pick<Rule, 'event' | 'actions' | 'condition' | 'source'>): string {
  const { condition } = rule
  const event = `${rule.event}${rule.actions.length > 0 ? ` ${rule.actions.join(' or ')}` : ''}`.replaceAll('_', ' ')
  const parts = [
    rule.source === 'internal' ? `${event} (of the platform)` : event,
    ...(condition.label ? [`label is ${condition.label}`] : []),
    ...(condition.label_prefix ? [`label begins with ${condition.label_prefix}`] : []),
    ...(condition.label_suffix ? [`label ends with ${condition.label_suffix}`] : []),
    ...(condition.comment_prefix ? [`comment begins with ${condition.comment_prefix}`] : []),
    ...(condition.review_state ? [`review says ${condition.review_state.replaceAll('_', ' ')}`] : []),
    ...(condition.default_branch === undefined ? [] : [condition.default_branch ? 'to the default branch' : 'to another branch']),
  ]
  return parts.join(', ')
}
