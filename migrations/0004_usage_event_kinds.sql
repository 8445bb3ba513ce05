-- What a row's cost is made of besides plain tokens: sound, searches of the web, and the service tier that the provider said it served.
--
-- Expands only: all may be null, so functions of the release before keep writing their rows.

set role supergate_owner;

alter table usage_events
    add column audio_input_tokens bigint check (audio_input_tokens >= 0),
    add column audio_output_tokens bigint check (audio_output_tokens >= 0),
    add column web_searches bigint check (web_searches >= 0),
    add column service_tier text check (service_tier in ('default', 'flex', 'priority', 'fast'));

reset role;
