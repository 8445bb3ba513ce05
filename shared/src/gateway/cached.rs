//! The cache's part in a chat request: what its caller may have of it, one look-up beside the limits, and after the response what is kept
//! and compared. A cache that fails is a miss that says `BYPASS`; it is never an error.

mod afterwards;
mod elsewhere;
mod hit;

pub(super) use hit::{of_completion, serve};

use super::{
    Gateway,
    admission::Booking,
    after_response::AfterResponse,
    call::{Call, Reply},
};
use crate::{
    alerts::sink::Alerts,
    cache::{
        control::{Control, Tier as Highest},
        decide::{self, Candidate, Choice, Passed, Plan, Semantic, Settings},
        eligibility::{self, Circumstances},
        embed::Embedding,
        embedding::{self, LazyEmbedder, Make, Progress},
        guards::Reading,
        namespace::{self, Surroundings},
        store::{Address, Hit, Keep, LookUp, Store, StoreError, Tier},
        trust,
    },
    causes,
    clock::Clock,
    db::Database,
    error::GatewayError,
    limits::Worst,
    openai::{ChatRequest, Invalid},
    routing::plan::Candidate as Model,
    tenancy::{Grant, RequestId},
    usage::ledger::CacheOutcome,
};
use elsewhere::Elsewhere;
use std::{path::PathBuf, sync::Arc};
use time::OffsetDateTime;

/// The endpoint, as the namespace has it.
const ENDPOINT: &str = "chat.completions";
/// Of so many of the most similar prompts the guards are asked.
const MOST_CANDIDATES: usize = 5;

/// What the requests of a process share.
#[derive(Clone)]
pub(crate) struct Cache {
    store: Store,
    embedder: LazyEmbedder,
    file: Option<PathBuf>,
    is_on: bool,
    /// Tenants whose providers' vectors do not come.
    resting: elsewhere::Resting,
}

impl Cache {
    pub(crate) fn new(store: Store, file: Option<PathBuf>, is_on: bool) -> Self {
        Self { store, embedder: LazyEmbedder::none(), file, is_on, resting: elsewhere::Resting::default() }
    }

    /// With what makes an embedder of its file, if there is one.
    pub(crate) fn embedding_with(&mut self, make: Make) {
        if let Some(file) = self.file.clone() {
            self.embedder = LazyEmbedder::of_file(file, make);
        }
    }

    /// A text's vector; none while there is no embedder, or where it is another one than the namespaces say.
    async fn vector(&self, text: &str) -> Option<Embedding> {
        if self.embedder.name()? != embedding::NAME {
            return None;
        }
        self.embedder.embed(text.to_owned()).await.unwrap_or_else(|error| {
            tracing::error!(error = %causes::chain(&error), "a text has no vector");
            None
        })
    }
}

/// What the cache is asked for one request, and what it said.
pub(super) struct Question {
    cache: Cache,
    db: Database,
    alerts: Arc<Alerts>,
    clock: Arc<dyn Clock>,
    after: AfterResponse,
    request: RequestId,
    plan: Plan,
    settings: Settings,
    most_bytes: i64,
    only_if_cached: bool,
    not_before: Option<OffsetDateTime>,
    part: Option<String>,
    provider: &'static str,
    model: String,
    /// Under what it is kept; none where it is neither read nor written.
    address: Option<Address>,
    /// What the user said last, where that is a text.
    prompt: Option<String>,
    /// Whether a similar prompt may get the answer, or this one that of a similar prompt.
    may_be_similar: bool,
    outcome: CacheOutcome,
    has_vectors: bool,
    vector: Option<Embedding>,
    /// The provider's model that makes the vectors, in the place of the one in this process.
    elsewhere: Option<Elsewhere>,
    /// What would have been served, were it not time to look whether it is right.
    audited: Option<Hit>,
}

impl Question {
    /// Reads what the caller says of the cache, and makes the plan.
    ///
    /// # Errors
    /// 400 for what is not understood, before anything is reserved.
    pub(super) fn new(
        gateway: &Gateway,
        call: &Call,
        grant: &Grant,
        request: &ChatRequest,
        model: &Model,
    ) -> Result<Self, Invalid> {
        let (rights, cache) = (grant.rights(), &gateway.cache);
        let is_on = cache.is_on && rights.standing.cache_prompts;
        let settings = Settings { tier: rights.cache.settings.tier.filter(|_| is_on), ..rights.cache.settings };
        let control = Control::read(&call.headers, settings.threshold)?;
        let circumstances = Circumstances { earlier_turns: settings.earlier_turns, flagged: false };
        let fit = eligibility::of_request(request, circumstances);
        let plan = decide::plan(&settings, &control, &fit, rights.cache.mode);
        let elsewhere = rights.cache.embedder.as_deref().map(|model| Elsewhere::new(gateway, grant, request, model));
        let surroundings = Surroundings {
            tenant: grant.tenant(),
            key: grant.actor().key(),
            person: grant.actor().person(),
            sharing: settings.sharing,
            label: control.label.as_deref(),
            endpoint: ENDPOINT,
            provider: model.provider.id(),
            model: &model.model.id,
            embedder: elsewhere.as_ref().map_or(embedding::NAME, Elsewhere::name),
        };
        let keys = (plan.exact || plan.write).then(|| namespace::keys(&surroundings, request));
        let address = keys.as_ref().map(|keys| Address {
            tenant: grant.tenant(),
            namespace: keys.namespace,
            exact: Some(keys.exact),
            canonical: keys.canonical.filter(|_| fit.canonical.is_ok()),
        });
        Ok(Self {
            cache: cache.clone(),
            db: gateway.db.clone(),
            alerts: Arc::clone(&gateway.alerts),
            clock: Arc::clone(&gateway.clock),
            after: call.after.clone(),
            request: call.request_id,
            outcome: match plan.passed {
                Some(Passed::Disabled) => CacheOutcome::Disabled,
                Some(Passed::ByCaller | Passed::Unfit(_)) => CacheOutcome::Bypass,
                None => CacheOutcome::Miss,
            },
            plan,
            settings,
            most_bytes: rights.cache.most_bytes,
            only_if_cached: control.only_if_cached,
            not_before: control.max_age.map(|age| gateway.clock.now() - age),
            part: control.label,
            provider: model.provider.id(),
            model: model.model.id.to_string(),
            address,
            prompt: keys.and_then(|keys| keys.prompt),
            may_be_similar: fit.semantic.is_ok()
                && settings.tier >= Some(Highest::Semantic)
                && elsewhere.as_ref().is_none_or(Elsewhere::is_usable),
            elsewhere,
            has_vectors: false,
            vector: None,
            audited: None,
        })
    }

    /// What the ledger has of it.
    pub(super) fn outcome(&self) -> CacheOutcome {
        self.outcome
    }

    /// With what a provider's vector may cost besides.
    pub(super) fn worst(&self, worst: Worst) -> Worst {
        match self.elsewhere.as_ref().filter(|_| self.wants_vector()) {
            Some(elsewhere) => elsewhere.besides(worst, self.prompt.as_deref().unwrap_or_default()),
            None => worst,
        }
    }

    /// Whether the caller wants no other answer than a stored one.
    pub(super) fn only_if_cached(&self) -> bool {
        self.only_if_cached
    }

    /// Looks for an answer: at most two round trips, the second only where there is something to be found by it and it may be served.
    pub(super) async fn ask(&mut self) -> Option<Hit> {
        let address = self.address.filter(|_| self.plan.passed.is_none())?;
        let address = Address { canonical: address.canonical.filter(|_| self.plan.canonical), ..address };
        let found = self.cache.store.find(address, self.not_before, &self.defer()).await;
        let LookUp { hit, has_vectors } = self.or_bypass(found)?;
        if let Some(hit) = hit {
            self.outcome = if hit.tier == Tier::Exact { CacheOutcome::Hit } else { CacheOutcome::CanonicalHit };
            return Some(hit);
        }
        self.has_vectors = has_vectors;
        // What a provider is paid for waits until the request is admitted.
        if self.plan.semantic != Semantic::Serve || self.elsewhere.is_some() {
            return None;
        }
        self.serve_similar().await
    }

    /// The same by a provider's vectors, once the request is admitted.
    pub(super) async fn ask_elsewhere(&mut self, gateway: &Gateway, call: &Call, booking: &mut Booking) -> Option<Hit> {
        if self.elsewhere.is_none() || self.plan.semantic != Semantic::Serve || !self.has_vectors {
            return None;
        }
        self.embed_elsewhere(gateway, call, booking).await;
        self.serve_similar().await
    }

    /// The answer to a similar prompt, unless it is time to look whether it is right.
    async fn serve_similar(&mut self) -> Option<Hit> {
        let hit = self.find_similar().await?;
        // By the entry's and the request's own bits: who repeats a request is not always or never audited.
        let bits = hit.id.as_uuid().as_u64_pair().1 ^ self.request.as_uuid().as_u64_pair().1;
        if trust::is_audited(bits) && !self.only_if_cached {
            self.outcome = CacheOutcome::Audit;
            self.audited = Some(hit);
            return None;
        }
        self.outcome = CacheOutcome::SemanticHit;
        Some(hit)
    }

    /// The most similar prompt that no guard objects to.
    async fn find_similar(&mut self) -> Option<Hit> {
        let (address, prompt) = (self.address?, self.prompt.clone()?);
        if !self.has_vectors {
            return None;
        }
        let vector = self.vector_of(&prompt).await?;
        let least = (self.plan.threshold.floor, MOST_CANDIDATES);
        let found = self.cache.store.find_similar(address, &vector, least, self.not_before, &self.defer()).await;
        self.vector = Some(vector);
        let mut hits = self.or_bypass(found)?;
        let readings: Vec<Reading> = hits.iter().map(|hit| Reading::of(&hit.prompt)).collect();
        let candidates: Vec<Candidate<'_>> = hits
            .iter()
            .zip(&readings)
            .map(|(hit, reading)| Candidate { similarity: hit.cosine.unwrap_or_default(), reading })
            .collect();
        match decide::choose(&Reading::of(&prompt), &candidates, self.plan.threshold) {
            Choice::Serve(place) => Some(hits.swap_remove(place)),
            Choice::Refused(guard) => {
                tracing::debug!(guard = guard.name, "a similar prompt is another question");
                None
            }
            Choice::Nothing => None,
        }
    }

    /// The prompt's vector: of this process, or what a provider said of it before.
    async fn vector_of(&self, prompt: &str) -> Option<Embedding> {
        match (&self.vector, &self.elsewhere) {
            (Some(vector), _) => Some(vector.clone()),
            (None, Some(_)) => None,
            (None, None) => self.cache.vector(prompt).await,
        }
    }

    /// Work of the store for after the response.
    fn defer(&self) -> impl Fn(futures_util::future::BoxFuture<'static, ()>) + Send + Sync + use<> {
        let after = self.after.clone();
        move |work| after.defer(work)
    }

    fn or_bypass<T>(&mut self, found: Result<T, StoreError>) -> Option<T> {
        found
            .inspect_err(|error| {
                self.outcome = CacheOutcome::Bypass;
                tracing::warn!(error = %causes::chain(error), "the cache was not asked");
            })
            .ok()
    }

    /// How long each tier may answer with what is stored.
    fn keep_for(&self) -> Keep {
        let ttl = self.plan.ttl;
        Keep { exact: ttl, canonical: ttl, similar: ttl.min(self.settings.semantic_ttl) }
    }

    /// Loads the embedder after this response, if similar prompts are of use and nobody did.
    pub(super) fn load_embedder(&self) {
        let embedder = &self.cache.embedder;
        if self.may_be_similar && embedder.progress() == Progress::Waiting {
            let embedder = embedder.clone();
            self.after.defer(async move { embedder.load().await });
        }
    }

    /// What the caller is told.
    pub(super) fn tell(&self, reply: &mut Reply) {
        reply.set("x-supergate-cache", said(self.outcome));
    }
}

/// As the header has it.
fn said(outcome: CacheOutcome) -> &'static str {
    match outcome {
        CacheOutcome::Hit | CacheOutcome::CanonicalHit => "HIT",
        CacheOutcome::SemanticHit => "SEMANTIC-HIT",
        CacheOutcome::Miss | CacheOutcome::Audit | CacheOutcome::Embedding => "MISS",
        CacheOutcome::Bypass => "BYPASS",
        CacheOutcome::Disabled => "DISABLED",
    }
}

/// What a caller gets who wants no other answer than a stored one.
pub(super) fn not_cached(question: &Question) -> GatewayError {
    GatewayError::NotCached(said(question.outcome))
}
