"""Addresses of the screens; stable and human-readable, because people send them to each other."""

from django.urls import URLPattern, URLResolver, path

from apps.workbench.views import approvals, cases, connectors, home, jobs, projects, rules, session, styleguide, trace

app_name = "workbench"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-out/", session.sign_out, name="sign_out"),
    path("me/preferences/", session.preferences, name="preferences"),
    path("search", home.search, name="search"),
    path("exceptions/", cases.cases, name="cases"),
    path("exceptions/EXC-<int:number>/", cases.case, name="case"),
    path("exceptions/EXC-<int:number>/notes/", cases.add_note, name="case_note"),
    path("exceptions/EXC-<int:number>/decide/<slug:decision>/", cases.decide, name="case_decide"),
    path("exceptions/EXC-<int:number>/rulings/<slug:ruling>/", cases.answer, name="case_answer"),
    path("exceptions/groups/<slug:fingerprint>/", jobs.group, name="group"),
    path("exceptions/groups/<slug:fingerprint>/<slug:decision>/", jobs.plan, name="group_plan"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/JOB-<int:number>/", jobs.job, name="job"),
    path("jobs/JOB-<int:number>/<slug:action>/", jobs.act, name="job_act"),
    path("activations/", approvals.activations, name="activations"),
    path("activations/<slug:project_id>/", approvals.activation, name="activation"),
    path("activations/<slug:project_id>/answer/", approvals.answer, name="activation_answer"),
    path("projects/", projects.projects, name="projects"),
    path("projects/<slug:project_id>/", projects.project, name="project"),
    path("trace/", trace.find, name="trace_find"),
    path("trace/<slug:story>/", trace.trace, name="trace"),
    path("rules/sor/", rules.matrix, name="rules"),
    path("rules/sor/changes/<slug:rule_id>/", rules.change, name="rule_change"),
    path("rules/sor/changes/<slug:rule_id>/roll-back/", rules.roll_back, name="rule_roll_back"),
    path("rules/sor/changes/<slug:rule_id>/<slug:step>/", rules.move, name="rule_move"),
    path("rules/sor/<slug:object_name>/<slug:field>/", rules.rule, name="rule"),
    path("connectors/", connectors.connectors, name="connectors"),
    path("connectors/<slug:code>/", connectors.connector, name="connector"),
    path("connectors/<slug:code>/resume/", connectors.resume, name="connector_resume"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
