"""django-oauth-toolkit as an OpenID provider: a Django project in one file, with one user and one client.

Usage: python toolkit_provider.py PORT FOLDER, where FOLDER/settings.json has `key` (PEM), `client_id`, `client_secret`,
`redirect_uri`, `after_logout`, `username` and `password`.
"""
import json
import pathlib
import socketserver
import sys
import wsgiref.simple_server

import django
from django.conf import settings

LOGIN = '<!doctype html><title>Sign in</title><form method="post">{% csrf_token %}{{ form }}<button>Sign in</button></form>'


def configure(issuer, folder, wanted):
    settings.configure(
        SECRET_KEY="only for a test", ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
                        "django.contrib.staticfiles", "oauth2_provider"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [
            ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN}),
            "django.template.loaders.app_directories.Loader"]}}],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "toolkit.sqlite"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], STATIC_URL="/static/", LOGIN_URL="/login/",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True, "OIDC_ISS_ENDPOINT": issuer, "OIDC_RSA_PRIVATE_KEY": wanted["key"],
            "OIDC_RP_INITIATED_LOGOUT_ENABLED": True, "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
            "SCOPES": {"openid": "who you are", "profile": "your name", "email": "your address"}})
    django.setup()


def urls():
    from django.contrib.auth.views import LoginView
    from django.urls import include, path
    return [path("login/", LoginView.as_view()), path("", include("oauth2_provider.urls"))]


def validator():
    from oauth2_provider.oauth2_validators import OAuth2Validator

    class Validator(OAuth2Validator):
        oidc_claim_scope = None

        def get_additional_claims(self, request):
            return {"preferred_username": request.user.username, "groups": ["admin", "a,b"]}

        def get_userinfo_claims(self, request):
            return {**super().get_userinfo_claims(request), "email": request.user.email, "email_verified": True}
    return Validator


def fill(wanted):
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application
    call_command("migrate", verbosity=0)
    User.objects.create_user(wanted["username"], wanted["username"] + "@example.com", wanted["password"])
    Application.objects.create(
        name="Gateway", client_id=wanted["client_id"], client_secret=wanted["client_secret"],
        client_type=Application.CLIENT_CONFIDENTIAL, authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris=wanted["redirect_uri"], post_logout_redirect_uris=wanted["after_logout"],
        algorithm=Application.RS256_ALGORITHM)


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


def main(port, folder):
    global urlpatterns, Validator
    # Django looks for the names here under the module's own.
    sys.modules["toolkit_provider"] = sys.modules["__main__"]
    folder = pathlib.Path(folder)
    wanted = json.loads((folder / "settings.json").read_text())
    configure(f"http://127.0.0.1:{port}", folder, wanted)
    urlpatterns, Validator = urls(), validator()
    fill(wanted)
    from django.core.wsgi import get_wsgi_application
    wsgiref.simple_server.make_server("127.0.0.1", int(port), get_wsgi_application(), Server).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
