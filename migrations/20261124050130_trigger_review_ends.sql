-- A rule that every project has from now on: the label that asked for a review, taken off the pull request, ends the review.
INSERT INTO trigger_rules (trigger_rule_id, project_id, position, source, event, actions, condition, act, shipped)
SELECT gen_random_uuid(), project_id, max(position) + 10, 'github', 'pull_request', '{unlabeled}',
       '{"label": "need:reviewer"}', '{"act": "end_run"}', true
FROM trigger_rules GROUP BY project_id;
