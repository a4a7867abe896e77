-- Agents open issues, and review pull requests.
ALTER TABLE effects DROP CONSTRAINT effects_kind_check;
ALTER TABLE effects ADD CONSTRAINT effects_kind_check
    CHECK (kind IN ('pull_request', 'status_comment', 'comment', 'labels', 'label_definitions', 'issue', 'review'));
