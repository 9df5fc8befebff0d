-- The Collector's exporter knows no tenant and writes none: what it brings is of whom the gateway has stamped it with.
-- Arc Core itself always says the tenant.
ALTER TABLE otel_traces MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_logs MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_metrics_gauge MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_metrics_sum MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_metrics_histogram MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_metrics_exponential_histogram MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);

ALTER TABLE otel_metrics_summary MODIFY COLUMN TenantId LowCardinality(String)
    DEFAULT if(ResourceAttributes['arc.tenant.id'] = '', 'default', ResourceAttributes['arc.tenant.id']);
