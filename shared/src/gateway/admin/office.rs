//! What the functions that administer share: who acts, on whose rows, and the audit of it.

use crate::{
    alerts::sink::Alerts,
    clock::Clock,
    config::OfficeConfig,
    crypto::{kms::MasterKey, secret::Peppers},
    db::{Database, TenantTx, audit, audit::AuditEvent},
    error::GatewayError,
    gateway::{
        KMS_PATIENCE,
        admin::{body::whole_micros, page::Query, shown},
        call::Call,
        note_use_of_key,
    },
    http::aws,
    limits::dynamo::{Reservations, Table},
    tenancy::{Actor, AuditId, Grant, Permission, Principal, RequestId, TenantId, auth::Authenticator, rbac},
};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use time::OffsetDateTime;

/// How long DynamoDB may take: somebody waits for an answer.
const TABLE_PATIENCE: Duration = Duration::from_secs(3);

/// Built once per cold start. Nothing is connected until it is needed.
pub struct Office {
    pub(crate) db: Database,
    pub(crate) auth: Authenticator,
    pub(crate) peppers: Arc<Peppers>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Somebody who may do something, and when and whence they do it.
pub(crate) struct Act {
    pub(crate) grant: Grant,
    pub(crate) at: OffsetDateTime,
    /// On whose rows.
    tenant: TenantId,
    request: RequestId,
    address: Option<String>,
}

impl Office {
    /// Builds it.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub fn new(config: OfficeConfig, clock: Arc<dyn Clock>, concurrency: usize) -> Result<Self, GatewayError> {
        let db = Database::new(&config.database, concurrency).map_err(|error| GatewayError::Internal(error.into()))?;
        let peppers = Arc::clone(&config.credentials.peppers);
        let auth =
            Authenticator::new(db.clone(), config.credentials, Arc::clone(&clock)).map_err(GatewayError::Internal)?;
        Ok(Self { auth, peppers, clock, db })
    }

    /// The KMS key, for the functions that seal. They may make data keys and not unwrap them.
    ///
    /// # Errors
    /// When none is configured.
    pub async fn master_key(config: &OfficeConfig) -> Result<MasterKey, GatewayError> {
        let id =
            config.kms_key.clone().ok_or_else(|| GatewayError::Internal("SUPERGATE_KMS_KEY_ID is not set".into()))?;
        let aws = aws::sdk_config(KMS_PATIENCE).await.map_err(GatewayError::Internal)?;
        Ok(MasterKey::new(&aws, id))
    }

    /// What is spent and reserved, for the function that tells of it.
    ///
    /// # Errors
    /// When no table is configured.
    pub async fn reservations(config: &OfficeConfig) -> Result<Reservations, GatewayError> {
        let aws = aws::sdk_config(TABLE_PATIENCE).await.map_err(GatewayError::Internal)?;
        Ok(Reservations::new(Arc::new(Table::new(&aws, table(config)?))))
    }

    /// Where alerts are told, for the function whose acts can raise one.
    ///
    /// # Errors
    /// When no table is configured, which remembers what was told.
    pub async fn alerts(config: &OfficeConfig, clock: Arc<dyn Clock>) -> Result<Alerts, GatewayError> {
        let aws = aws::sdk_config(TABLE_PATIENCE).await.map_err(GatewayError::Internal)?;
        let table = Arc::new(Table::new(&aws, table(config)?));
        Ok(Alerts::new(&aws, config.alerts.clone(), table, clock))
    }

    /// The first steps of every request: who calls, and may they. What lasts is not done on a memory of who they were.
    pub(crate) async fn authorize(&self, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
        if !permission.is_for_a_moment() {
            return self.authorize_anew(call, permission).await;
        }
        let identified = self.auth.authenticate(&call.headers).await?;
        self.act(call, permission, identified)
    }

    /// The same, and asks the database whatever the permission.
    pub(crate) async fn authorize_anew(&self, call: &Call, permission: Permission) -> Result<Act, GatewayError> {
        let principal = self.auth.authenticate_anew(&call.headers).await?;
        self.act(call, permission, (principal, true))
    }

    fn act(
        &self,
        call: &Call,
        permission: Permission,
        (principal, looked_up): (Principal, bool),
    ) -> Result<Act, GatewayError> {
        if let (true, Actor::Key(key)) = (looked_up, principal.actor) {
            note_use_of_key(&self.db, &call.after, principal.tenant, key, self.clock.now());
        }
        tracing::Span::current().record("tenant.id", tracing::field::display(principal.tenant));
        let grant = rbac::authorize(&principal, permission)?;
        let (tenant, at) = (grant.tenant(), whole_micros(self.clock.now()));
        Ok(Act { grant, at, tenant, request: call.request_id, address: call.address.clone() })
    }

    /// The same act on the tenant that `?tenant_id=` names: one's own, and for operators any. To everybody else no other tenant exists.
    pub(crate) fn on_named_tenant(act: Act, query: &Query<'_>) -> Result<Act, GatewayError> {
        let Some(text) = query.get("tenant_id") else { return Ok(act) };
        let tenant: TenantId = text.parse().map_err(|_| shown::not_found())?;
        if tenant == act.tenant {
            return Ok(act);
        }
        match act.also(Permission::ManageTenants) {
            Ok(manager) => manager.on(tenant),
            Err(GatewayError::Denied(_)) => Err(shown::not_found()),
            Err(error) => Err(error),
        }
    }

    /// A transaction on the rows that the act is about.
    pub(crate) async fn begin(&self, act: &Act) -> Result<TenantTx, GatewayError> {
        Ok(TenantTx::begin(&self.db, act.tenant).await?)
    }

    /// Notes an act in the audit of the transaction's tenant. Part of the transaction: no act without its note.
    pub(crate) async fn note(
        &self,
        tx: &TenantTx,
        act: &Act,
        action: &str,
        target: String,
        (before, after): (Option<Value>, Option<Value>),
    ) -> Result<(), GatewayError> {
        Ok(audit::insert(tx, &self.event(act, action, target, (before, after))).await?)
    }

    /// An act as the audit tells of it.
    pub(crate) fn event(
        &self,
        act: &Act,
        action: &str,
        target: String,
        (before, after): (Option<Value>, Option<Value>),
    ) -> AuditEvent {
        AuditEvent {
            id: AuditId::generate(self.clock.since_epoch()),
            at: act.at,
            actor: act.grant.actor().to_string(),
            action: action.to_owned(),
            target,
            address: act.address.clone(),
            request: Some(act.request),
            before,
            after,
        }
    }
}

impl Act {
    /// The same, by another of the caller's permissions.
    ///
    /// # Errors
    /// [`GatewayError::Denied`].
    pub(crate) fn also(self, permission: Permission) -> Result<Self, GatewayError> {
        Ok(Self { grant: self.grant.also(permission)?, ..self })
    }

    /// The same act on another tenant's rows. Only for what [`Permission::ManageTenants`] was granted for.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`]: to everybody else there is no such tenant.
    pub(crate) fn on(self, tenant: TenantId) -> Result<Self, GatewayError> {
        if tenant == self.tenant || self.grant.permission() == Permission::ManageTenants {
            return Ok(Self { tenant, ..self });
        }
        Err(shown::not_found())
    }

    /// Whether an operator acts on a tenant's rows.
    pub(crate) fn is_on_another_tenant(&self) -> bool {
        self.tenant != self.grant.tenant()
    }

    /// That what is there may be changed: what the operators set is not the tenant's to change.
    ///
    /// # Errors
    /// [`GatewayError::Beyond`] says so.
    pub(crate) fn may_change(&self, by_operator: bool) -> Result<(), GatewayError> {
        if by_operator && !self.is_on_another_tenant() {
            let problem = "is `operator`: the operators of this deployment set it, and only they change it".into();
            return Err(GatewayError::Beyond { param: "set_by", problem });
        }
        Ok(())
    }

    /// On whose rows.
    pub(crate) fn tenant(&self) -> TenantId {
        self.tenant
    }
}

fn table(config: &OfficeConfig) -> Result<String, GatewayError> {
    config.table.clone().ok_or_else(|| GatewayError::Internal("SUPERGATE_TABLE is not set".into()))
}
